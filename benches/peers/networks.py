"""The networks of the race in PyTorch: `official` (the authors' shape) and that of preset `video`, with their training steps and scores.

Written from docs/method.md and crates/skipgan/src/{spec,model/skip_ganomaly}.rs; tensors have the names of our checkpoints, so that
check.py can lay both side by side. Tensors are [images, channels, rows, columns].
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SLOPE = 0.2
LAMBDA = 0.9  # of A = λR + (1−λ)L
# Rows: taps of the 4×4 transposed kernel; columns: taps of the 3×3 kernel that follows nearest ×2. W₄ = T·W₃·Tᵀ.
TIE = ((0.0, 0.0, 1.0), (0.0, 1.0, 1.0), (1.0, 1.0, 0.0), (1.0, 0.0, 0.0))
DECODERS = ("resize", "transposed")  # two ways to run tied taps


@dataclass(frozen=True)
class Shape:
    """What spec.rs calls a Spec, with the losses' weights."""

    seen: int  # channels of G's input
    target: int
    context: int  # channels that D sees before the target
    width: int
    levels: int
    d_levels: int
    g_cap: int | None = 8
    d_cap: int | None = None
    tied: bool = False
    linear: bool = False  # else tanh
    blend: bool = False  # the first channel is a share of what is seen and of the usual picture (layers/output.rs)
    bottleneck_norm: bool = False
    bottleneck_slope: float = 0.0
    bias_where_unnormed: bool = False  # else only G's last convolution has one
    latent: tuple[int, int, int] | None = None  # numbers, rows, columns of the latent head; None: a logit a cell
    w_adv: float = 1.0
    w_con: float = 50.0
    w_lat: float = 1.0
    w_critic: float = 0.1
    real_label: float = 1.0
    discriminator_first: bool = False


def official(side: int) -> Shape:
    levels = int(math.log2(side))
    return Shape(seen=3, target=3, context=0, width=64, levels=levels, d_levels=levels - 2, latent=(100, 4, 4))


VIDEO = Shape(seen=6, target=3, context=3, width=16, levels=4, d_levels=3, g_cap=4, d_cap=4, tied=True, linear=True, blend=True, bottleneck_norm=True,
              bottleneck_slope=SLOPE, bias_where_unnormed=True, w_adv=0.2, w_con=40.0, real_label=0.9, discriminator_first=True)


def shape_of(network: str, side: int) -> Shape:
    return VIDEO if network == "video" else official(side)


def widths(width: int, levels: int, cap: int | None) -> list[int]:
    return [width * min(2 ** level, cap or 2 ** level) for level in range(levels)]


class TiedUp(nn.Module):
    """A transposed convolution with nine parameters, by nearest ×2 and a 3×3 convolution, or as the equal 4×4 stride-2 one.

    The weight lies as the operation wants it: [out, in, 3, 3] or [in, out, 3, 3] (ours).
    """

    def __init__(self, deep: int, wide: int, bias: bool, decoder: str):
        super().__init__()
        self.resizes = decoder == "resize"
        bound = 1 / math.sqrt(9 * deep)
        sides = (wide, deep) if self.resizes else (deep, wide)
        self.weight = nn.Parameter(torch.empty(*sides, 3, 3).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(wide).uniform_(-bound, bound)) if bias else None
        self.register_buffer("tie", torch.tensor(TIE), persistent=False)
        self.folded = None  # W₄ of a network that no longer learns

    def transposed_weight(self):
        return self.tie @ self.weight @ self.tie.T

    def forward(self, x):
        if self.resizes:
            return F.conv2d(F.interpolate(x, scale_factor=2, mode="nearest"), self.weight, self.bias, padding=1)
        weight = self.transposed_weight() if self.folded is None else self.folded
        return F.conv_transpose2d(x, weight, self.bias, stride=2, padding=1)


class Stage(nn.Module):
    def __init__(self, conv: nn.Module, norm: int | None):
        super().__init__()
        self.conv = conv
        self.bn = nn.BatchNorm2d(norm) if norm else None

    def forward(self, x):
        x = self.conv(x)
        return x if self.bn is None else self.bn(x)


class Generator(nn.Module):
    def __init__(self, shape: Shape, decoder: str):
        super().__init__()
        self.shape, c, last = shape, widths(shape.width, shape.levels, shape.g_cap), shape.levels - 1
        normed = [0 < i < last or (i == last and shape.bottleneck_norm) for i in range(shape.levels)]
        self.enc = nn.ModuleList(
            Stage(nn.Conv2d(c[i - 1] if i else shape.seen, c[i], 4, 2, 1, bias=shape.bias_where_unnormed and not normed[i]),
                  c[i] if normed[i] else None) for i in range(shape.levels))

        def up(i):
            deep, wide = c[i] * (1 if i == last else 2), c[i - 1] if i else shape.target
            return TiedUp(deep, wide, i == 0, decoder) if shape.tied else nn.ConvTranspose2d(deep, wide, 4, 2, 1, bias=i == 0)

        self.dec = nn.ModuleList(Stage(up(i), c[i - 1] if i else None) for i in range(shape.levels))

    def forward(self, x):
        # Activations run in place, as the authors' do: relu(leaky(h)) = relu(h), so a skip may hold leaky(h).
        maps, last, input = [], self.shape.levels - 1, x
        for i, stage in enumerate(self.enc):
            slope = SLOPE if i < last else self.shape.bottleneck_slope
            x = F.leaky_relu(stage(x), slope, inplace=True) if slope else F.relu(stage(x), inplace=True)
            maps.append(x)
        x = self.dec[last](x)
        for i in reversed(range(last)):
            x = self.dec[i](F.relu(torch.cat([maps[i], x], 1), inplace=True))
        if self.shape.blend:
            seen, usual, z = input[:, :1], input[:, 1:2], x[:, :1]
            share = 0.5 + 0.5 * z * torch.rsqrt(1 + z * z)
            return torch.cat([usual + share * (seen - usual), x[:, 1:]], 1)
        return x if self.shape.linear else torch.tanh(x)


class Discriminator(nn.Module):
    """Gives logits and f(·): the latent vector, or the maps of all levels."""

    def __init__(self, shape: Shape):
        super().__init__()
        self.shape, c, bias = shape, widths(shape.width, shape.d_levels, shape.d_cap), shape.bias_where_unnormed
        self.feat = nn.ModuleList(
            Stage(nn.Conv2d(c[i - 1] if i else shape.context + shape.target, c[i], 4, 2, 1, bias=bias and i == 0), c[i] if i else None)
            for i in range(shape.d_levels))
        if shape.latent:
            nz, rows, cols = shape.latent
            self.latent = nn.Conv2d(c[-1], nz, (rows, cols), bias=bias)
        self.head = nn.Conv2d(shape.latent[0] if shape.latent else c[-1], 1, 1, bias=bias)

    def forward(self, x):
        features = []
        for stage in self.feat:
            x = F.leaky_relu(stage(x), SLOPE, inplace=True)
            features.append(x)
        if not self.shape.latent:
            return self.head(x), features
        z = self.latent(x)
        return self.head(z), [z]


class Networks(nn.Module):
    """G and D, drawn as the preset draws them: the framework's own uniform ±1/√fan_in for `video`, N(0, 0.02) for `official`."""

    def __init__(self, shape: Shape, decoder: str = "resize"):
        super().__init__()
        self.shape = shape
        self.g, self.d = Generator(shape, decoder), Discriminator(shape)
        if shape.latent:
            self.apply(draw_normal)

    def settle(self, batches):
        """Running statistics that fit the weights, so that quantisation meets maps of an ordinary range."""
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over all batches
        with torch.no_grad():
            for batch in batches:
                self.d(beside(batch["context"], batch["target"]))
                self.d(beside(batch["context"], self.g(batch["seen"])))

    def fold(self):
        """Fixes W₄ of tied taps: a scoring network computes it once."""
        for module in self.modules():
            if isinstance(module, TiedUp) and not module.resizes:
                module.folded = module.transposed_weight().detach()
        return self


def draw_normal(module: nn.Module):
    if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def beside(context, shown):
    """What D sees."""
    return shown if context is None else torch.cat([context, shown], 1)


# ---- training ------------------------------------------------------------------------------------------------------------------------
def toward(logit, target: float):
    return F.binary_cross_entropy_with_logits(logit, torch.full_like(logit, target))


class Trainer:
    """One step as the preset orders it; every gradient is asked for by name, so that none is computed that no update uses.

    `batch` may hold `changed` (pictures with something in them that does not belong), `importance` and `cells`: then D is also a critic.
    """

    def __init__(self, networks: Networks, lr: float = 2e-4, betas=(0.5, 0.999)):
        self.shape, self.g, self.d = networks.shape, networks.g.train(), networks.d.train()
        self.g_parameters, self.d_parameters = list(self.g.parameters()), list(self.d.parameters())
        self.g_adam, self.d_adam = (torch.optim.Adam(p, lr, betas, 1e-8, fused=True) for p in (self.g_parameters, self.d_parameters))

    def step(self, batch: dict) -> dict:
        return self.discriminator_first(batch) if self.shape.discriminator_first else self.together(batch)

    def together(self, batch):
        """`order = repaired`: both gradients belong to the same G and D."""
        x, shape = batch["target"], self.shape
        made = self.g(batch["seen"])
        (real, real_features), (fake, fake_features) = self.d(x), self.d(made)
        losses = dict(adversarial=shape.w_adv * toward(fake, 1.0), contextual=shape.w_con * F.l1_loss(made, x),
                      latent=shape.w_lat * F.mse_loss(fake_features[-1], real_features[-1]),
                      real=toward(real, shape.real_label), fake=toward(fake, 0.0))
        for_g = torch.autograd.grad(losses["adversarial"] + losses["contextual"] + losses["latent"], self.g_parameters, retain_graph=True)
        for_d = torch.autograd.grad(losses["real"] + losses["fake"] + losses["latent"], self.d_parameters)
        update(self.g_adam, self.g_parameters, for_g)
        update(self.d_adam, self.d_parameters, for_d)
        return losses

    def discriminator_first(self, batch):
        """`order = d_first`: D steps, then G meets the updated D. All forward passes move D's running statistics, in our order."""
        x, context, shape = batch["target"], batch["context"], self.shape
        made = self.g(batch["seen"])
        real, fake = self.d(beside(context, x))[0], self.d(beside(context, made.detach()))[0]
        losses = dict(real=toward(real, shape.real_label), fake=toward(fake, 0.0))
        for_d = losses["real"] + losses["fake"]
        if "changed" in batch:
            critic = self.d(beside(context, batch["changed"]))[0]
            for_d = for_d + shape.w_critic * F.binary_cross_entropy_with_logits(critic, batch["cells"])
        update(self.d_adam, self.d_parameters, torch.autograd.grad(for_d, self.d_parameters))
        self.d.requires_grad_(False)  # compiled backward passes would compute its weights' gradients too
        fake, fake_features = self.d(beside(context, made))
        with torch.no_grad():
            real_features = self.d(beside(context, x))[1]
        off = (made - x).abs()
        losses.update(adversarial=shape.w_adv * toward(fake, 1.0), latent=shape.w_lat * F.mse_loss(fake_features[-1], real_features[-1]),
                      contextual=shape.w_con * (off * batch["importance"] if "importance" in batch else off).mean())
        for_g = torch.autograd.grad(losses["adversarial"] + losses["contextual"] + losses["latent"], self.g_parameters)
        update(self.g_adam, self.g_parameters, for_g)
        self.d.requires_grad_(True)
        return losses


def update(adam, parameters, gradients):
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient
    adam.step()
    adam.zero_grad(set_to_none=True)


# ---- scores --------------------------------------------------------------------------------------------------------------------------
class Scorer(nn.Module):
    """x̂, the residual map, what the latent score is made of, and A; D reads x and x̂ as one batch, in one pass over its weights."""

    def __init__(self, networks: Networks):
        super().__init__()
        self.networks = networks.eval().fold()

    def forward(self, *inputs):
        seen, target, context = inputs if len(inputs) == 3 else (inputs[0], inputs[0], None)
        made = self.networks.g(seen)
        both = torch.cat([beside(context, target), beside(context, made)])
        pairs = [torch.chunk(f, 2) for f in self.networks.d(both)[1]]
        if context is None:  # `official`: mean squares
            residual = ((target - made) ** 2).mean(1)
            latent = [((x - y) ** 2).mean(1) for x, y in pairs]
            latent_out = pairs[0]
        else:  # `video`: lengths over channels; absolute differences of every level
            residual = ((target - made) ** 2).sum(1).sqrt()
            latent = [(x - y).abs().mean(1) for x, y in pairs]
            latent_out = latent
        score = LAMBDA * residual.mean((1, 2)) + (1 - LAMBDA) * sum(m.mean((1, 2)) for m in latent)
        return made, residual, *latent_out, score


# ---- made-up footage -----------------------------------------------------------------------------------------------------------------
def footage(shape: Shape, height: int, width: int, count: int, seed: int) -> dict[str, np.ndarray]:
    """Smooth backgrounds with moving boxes and a little noise, as the network sees them: [−1, 1], motion in units of the usual speed."""
    random = np.random.default_rng(seed)
    row, col = np.mgrid[0:height, 0:width].astype("float32")
    y, x = 2 * row / (height - 1) - 1, 2 * col / (width - 1) - 1
    colours = shape.target if not shape.context else 1
    usual = np.stack([0.5 * np.sin(2 * x + channel) * np.cos(1.5 * y) - 0.1 for channel in range(colours)])
    picture, motion = np.repeat(usual[None], count, 0), np.zeros((count, 2, height, width), "float32")
    for image in range(count):
        for _ in range(3):
            rows, cols = (int(random.integers(side // 12 + 1, side // 5 + 2)) for side in (height, width))
            top, left = int(random.integers(0, height - rows)), int(random.integers(0, width - cols))
            box = np.s_[top:top + rows, left:left + cols]
            picture[image][(slice(None), *box)] = random.uniform(-1, 1, (colours, 1, 1))
            motion[image][(slice(None), *box)] = random.uniform(-2, 2, (2, 1, 1))
    picture = np.clip(picture + random.normal(0, 0.02, picture.shape), -1, 1).astype("float32")
    if not shape.context:
        return dict(seen=picture)
    context = np.repeat(np.stack([usual[0], y, x])[None], count, 0).astype("float32")
    gate = motion / np.maximum(np.sqrt((motion ** 2).sum(1, keepdims=True)), 0.35)
    return dict(seen=np.concatenate([picture, context, gate], 1).astype("float32"),
                target=np.concatenate([picture, motion], 1).astype("float32"), context=context)


def as_batch(pictures: dict[str, np.ndarray], critic_of: Shape | None = None) -> dict:
    """Tensors for [`Trainer`]; with `critic_of` also what its critic pass reads, as crops into which nothing was put."""
    batch = {name: torch.from_numpy(values) for name, values in pictures.items()}
    batch.setdefault("target", batch["seen"])
    batch.setdefault("context", None)
    if critic_of:
        target, cell = batch["target"], 2 ** critic_of.d_levels
        batch["changed"] = target.clone()
        batch["importance"] = torch.tensor([6.0, 1.5, 1.5]).view(1, 3, 1, 1).expand_as(target).contiguous()
        batch["cells"] = torch.full((len(target), 1, target.shape[2] // cell, target.shape[3] // cell), critic_of.real_label)
    return batch
