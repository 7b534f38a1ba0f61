"""The three networks: a class-conditional generator, its discriminator, and the classifier that measures what was generated.

Comments give shapes after each layer for 64 channels and images of 28 x 28: n is the batch, k the number of categories.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

LATENT = 100  # length of z


class ConditionalNorm(nn.Module):
    """Batch norm whose scale and shift are the category's own (Dumoulin et al. 2017, eq. 5)."""

    def __init__(self, channels: int, categories: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(categories, channels), nn.Embedding(categories, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, category: Tensor) -> Tensor:
        normed = self.norm(x)
        scale, shift = (part(category).to(normed.dtype)[:, :, None, None] for part in (self.scale, self.shift))  # (n, channels, 1, 1) each
        return torch.addcmul(shift, normed, scale)


def doubled(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """(n, c, h, w) to (n, d, 2h, 2w): what the 3 x 3 convolution gives of the image doubled, each pixel a square of four.

    One transposed convolution gives the same from the small image, with 16 products a pixel of it in place of 36: where two of the three
    weights of a row or column fall on the same pixel, their sum does.
    """
    w = functional.pad(convolution.weight, (1, 1, 1, 1))  # (d, c, 5, 5)
    kernel = w[:, :, 1:, 1:] + w[:, :, :-1, 1:] + w[:, :, 1:, :-1] + w[:, :, :-1, :-1]  # (d, c, 4, 4)
    return functional.conv_transpose2d(x, kernel.flip(2, 3).transpose(0, 1), convolution.bias, stride=2, padding=1)


class Generator(nn.Module):
    """(n, 100) noise and (n,) categories to (n, 3, size, size) images in [-1, 1]. `size` is a multiple of 4.

    Nearest upsampling before each convolution leaves no chequered pattern (Odena, Dumoulin & Olah 2016).
    """

    def __init__(self, channels: int, categories: int, size: int) -> None:
        super().__init__()
        self.start = size // 4
        self.project = nn.Linear(LATENT, 4 * channels * self.start**2)
        self.norm0 = ConditionalNorm(4 * channels, categories)
        self.conv1 = nn.Conv2d(4 * channels, 2 * channels, 3, padding=1, bias=False)
        self.norm1 = ConditionalNorm(2 * channels, categories)
        self.conv2 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.norm2 = ConditionalNorm(channels, categories)
        self.paint = nn.Conv2d(channels, 3, 3, padding=1)

    def forward(self, z: Tensor, category: Tensor) -> Tensor:
        x = self.project(z).unflatten(1, (-1, self.start, self.start))  # (n, 256, 7, 7)
        x = functional.relu(self.norm0(x.contiguous(memory_format=torch.channels_last), category))
        x = doubled(x, self.conv1)  # (n, 128, 14, 14)
        x = functional.relu(self.norm1(x, category))
        x = doubled(x, self.conv2)  # (n, 64, 28, 28)
        x = functional.relu(self.norm2(x, category))
        return torch.tanh(self.paint(x))  # (n, 3, 28, 28)


class Discriminator(nn.Module):
    """(n, 3, size, size) images and (n,) categories to (n,) scores: higher is more like a real image of that category.

    Spectrally normalised (Miyato et al. 2018); the category enters by projection (Miyato & Koyama 2018, eq. 3).
    """

    def __init__(self, channels: int, categories: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            spectral_norm(nn.Conv2d(3, channels, 4, 2, 1)),  # (n, 64, 14, 14)
            nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(channels, 2 * channels, 4, 2, 1)),  # (n, 128, 7, 7)
            nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(2 * channels, 4 * channels, 3, 2, 1)),  # (n, 256, 4, 4)
            nn.LeakyReLU(0.1),
            spectral_norm(nn.Conv2d(4 * channels, 4 * channels, 3, 1, 1)),  # (n, 256, 4, 4)
            nn.LeakyReLU(0.1),
        )
        self.judge = spectral_norm(nn.Linear(4 * channels, 1))
        self.classes = spectral_norm(nn.Embedding(categories, 4 * channels))

    def forward(self, x: Tensor, category: Tensor) -> Tensor:
        h = self.body(x).sum((2, 3))  # (n, 256)
        return self.judge(h)[:, 0] + (self.classes(category) * h).sum(1)  # (n,)


class Classifier(nn.Module):
    """(n, 3, size, size) images in [-1, 1] to (n, k) logits; `features` gives the 128 numbers before them."""

    def __init__(self, categories: int, size: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 32, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 32, 14, 14)
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),  # (n, 64, 7, 7)
            nn.Flatten(),
            nn.Linear(64 * (size // 4) ** 2, 128),
            nn.ReLU(),
        )
        self.head = nn.Linear(128, categories)

    def features(self, x: Tensor) -> Tensor:
        return self.body(x)  # (n, 128)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))
