//! Finds the GPU: the Vulkan device that the system puts first, opened once a process. No arithmetic.

use burn_tensor::Device;
use burn_tensor::wgpu::{WgpuBackend, WgpuInitError};
use std::sync::OnceLock;

/// A Vulkan device that computes. Clones are the same device.
#[derive(Clone)]
pub struct Gpu {
    device: Device,
    name: String,
    software: bool,
}

/// Why no GPU computes.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GpuError {
    /// No Vulkan device, or one that cannot be opened.
    #[error("no GPU was found that Vulkan can use ({reason}): install the GPU's Vulkan driver, or leave --device at cpu")]
    NoDevice {
        /// What Vulkan says.
        reason: String,
    },
}

impl Gpu {
    /// Opens the device, or gives the one that is open.
    ///
    /// # Errors
    /// [`GpuError::NoDevice`].
    pub fn open() -> Result<Gpu, GpuError> {
        // The runtime below refuses to be opened twice.
        static OPENED: OnceLock<Result<Gpu, GpuError>> = OnceLock::new();
        OPENED.get_or_init(Gpu::find).clone()
    }

    fn find() -> Result<Gpu, GpuError> {
        let opened = Device::wgpu_options().graphics_api(WgpuBackend::Vulkan).init();
        let device = opened.map_err(|error| GpuError::NoDevice { reason: reason(error) })?;
        let identity = device.identity();
        let software = identity.as_ref().is_some_and(|identity| identity.physical.is_none());
        let name = identity.map_or_else(|| "a Vulkan device without a name".to_string(), |identity| identity.name);
        Ok(Gpu { device, name, software })
    }

    /// As the device names itself.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether a program on the processor plays the device (Mesa's llvmpipe): good for tests alone.
    pub fn is_software(&self) -> bool {
        self.software
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }
}

/// What went wrong, without the name of what was asked for.
fn reason(error: WgpuInitError) -> String {
    match error {
        WgpuInitError::AdapterUnavailable { message, .. } => one_line(&message),
        other => one_line(&other.to_string()),
    }
}

/// Errors are one line here; drivers' are not.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_line_that_says_what_to_do() {
        let error = GpuError::NoDevice { reason: one_line("No adapter:\n  no driver\n") }.to_string();
        assert_eq!(
            error,
            "no GPU was found that Vulkan can use (No adapter: no driver): install the GPU's Vulkan driver, or leave --device at cpu"
        );
    }
}
