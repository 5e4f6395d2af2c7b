//! How fast a file is decoded, and decoded and resized: `decode_speed FILE [builtin|ffmpeg] [luma]`.

use std::time::Instant;

use video::{Channels, Decoder, Filter, Fit, OpenOptions, Planes, Resizer, Target, open};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("name a file")?;
    let decoder = if arguments.iter().any(|a| a == "ffmpeg") { Decoder::Ffmpeg } else { Decoder::Builtin };
    let planes = if arguments.iter().any(|a| a == "luma") { Planes::Luma } else { Planes::All };
    for resize in [false, true] {
        let target = Target { width: 192, height: 128, channels: Channels::Luma, filter: Filter::Area, fit: Fit::Stretch };
        let mut resizer = Resizer::new(target)?;
        let start = Instant::now();
        let mut source = open(path.as_ref(), &OpenOptions { decoder, planes, ..OpenOptions::default() })?;
        let mut count = 0u32;
        while let Some(frame) = source.next()? {
            count += 1;
            if resize {
                resizer.resize(&frame)?;
            }
        }
        let rate = f64::from(count) / start.elapsed().as_secs_f64();
        println!("{} {}: {count} frames, {rate:.0} frames/s, resized: {resize}", source.info().backend.name(), source.info().codec);
    }
    Ok(())
}
