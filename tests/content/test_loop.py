"""The training loop: its losses by hand, and that chance is the seed's alone."""

from dataclasses import replace

import pytest

torch = pytest.importorskip("torch", reason="torch is missing: install the extra `content`")

from coterie.content.checkpoint import packed, packed_model, unpack, unpacked_model  # noqa: E402 - after the skip
from coterie.content.loop import Alone, discriminator_loss, draw, fresh, generator_loss, settled, train, train_epoch, undecayed  # noqa: E402
from coterie.content.network import doubled  # noqa: E402
from coterie.content.plans import Recipe  # noqa: E402

SMALL = Recipe(8, 4, 8, 3, "least_squares", 1e-3, 1e-3, 0.9, 0.1, 0.4, 1, "float32")
CPU = torch.device("cpu")
IMAGES = torch.randint(0, 256, (40, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
LABELS = torch.arange(40) % 2


def run(recipe: Recipe, state=None, after=lambda state, metrics: None):
    state = state or fresh(recipe, 2, CPU)
    train(state, recipe, IMAGES, LABELS, 5, Alone(), after)
    return state


def test_least_squares_aims_at_one_for_real_and_nought_for_fake() -> None:
    real, fake = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 2.0])
    assert discriminator_loss("least_squares", real, fake).item() == pytest.approx(0.5 * (0 + 4) / 2 + 0.5 * (0 + 4) / 2)
    assert generator_loss("least_squares", fake).item() == pytest.approx(0.5 * (1 + 1) / 2)


def test_cross_entropy_is_that_of_the_scores_as_logits() -> None:
    nought = torch.zeros(2)
    assert discriminator_loss("cross_entropy", nought, nought).item() == pytest.approx(2 * 0.693147, abs=1e-5)
    assert generator_loss("cross_entropy", torch.tensor([100.0])).item() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("bias", [False, True])
def test_a_doubling_convolution_is_nearest_upsampling_and_the_convolution(bias: bool) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        convolution, x = torch.nn.Conv2d(3, 5, 3, padding=1, bias=bias).double(), torch.randn(2, 3, 4, 7, dtype=torch.double)
    expected = convolution(torch.nn.Upsample(scale_factor=2, mode="nearest")(x))
    assert (doubled(x, convolution) - expected).abs().max().item() < 1e-10


def test_rates_and_noise_fall_to_nought_over_the_last_share_of_all_steps() -> None:
    # 3 epochs of 5 steps; the last 0.4 of them are 6: 1 up to 9 steps done, then a sixth less each.
    assert [undecayed(SMALL, done, 5) for done in (0, 9, 12, 14, 15)] == pytest.approx([1, 1, 3 / 6, 1 / 6, 0])
    assert [undecayed(replace(SMALL, decay_share=share), 14, 5) for share in (0.0, 1.0)] == pytest.approx([1, 1 / 15])


@pytest.mark.parametrize("rank", [0, 1])
def test_every_process_ends_with_the_same_rates(rank: int) -> None:
    state, peer = fresh(SMALL, 2, CPU), Alone()
    peer.rank, peer.count = rank, 2
    state.epoch = 2
    train_epoch(state, SMALL, IMAGES, LABELS, 5, peer)
    assert [adam.param_groups[0]["lr"] for adam in (state.generator_steps, state.discriminator_steps)] == pytest.approx([1e-3 / 6] * 2)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    one, same, other = run(SMALL), run(SMALL), run(replace(SMALL, seed=2))
    assert packed(one, {}) == packed(same, {})
    assert packed(one, {}) != packed(other, {})


@pytest.mark.parametrize("loss", ["least_squares", "cross_entropy"])
def test_going_on_from_a_checkpoint_ends_with_the_weights_of_an_undisturbed_run(loss: str) -> None:
    recipe, kept = replace(SMALL, loss=loss), []
    whole = run(recipe, after=lambda state, metrics: kept.append(packed(state, {})))
    resumed = fresh(recipe, 2, CPU)
    unpack(kept[1], resumed)
    assert resumed.epoch == 2
    assert packed(run(recipe, resumed), {}) == packed(whole, {})


def test_a_finished_generator_has_the_statistics_of_its_own_weights() -> None:
    smooth = run(SMALL).smooth
    before = {name: value.clone() for name, value in smooth.state_dict().items()}
    known = settled(smooth, torch.tensor([1.0, 1.0]), 1)
    # z has mean 0 and variance 1, so a pixel has its bias as mean and the sum of its squared weights as variance; a channel has four pixels.
    bias, variance = smooth.project.bias.view(16, 4), (smooth.project.weight**2).sum(1).view(16, 4)
    torch.testing.assert_close(known.norm0.norm.running_mean, bias.mean(1), atol=0.03, rtol=0)
    torch.testing.assert_close(known.norm0.norm.running_var, variance.mean(1) + bias.var(1, correction=0), atol=0, rtol=0.05)
    assert not known.training
    assert all(torch.equal(value, before[name]) for name, value in smooth.state_dict().items())


def test_the_statistics_are_the_seeds_and_the_mixs_alone() -> None:
    smooth, even = run(SMALL).smooth, torch.tensor([1.0, 1.0])
    one, same, seed, mix = (settled(smooth, *asked).norm2.norm.running_mean for asked in ((even, 1), (even, 1), (even, 2), (torch.tensor([1.0, 0.0]), 1)))
    assert torch.equal(one, same)
    assert not torch.equal(one, seed)
    assert (one - mix).abs().max() > 3 * (one - seed).abs().max()


def test_a_model_draws_the_same_image_from_its_seed_whatever_is_drawn_with_it() -> None:
    state = run(SMALL)
    generator, _ = unpacked_model(packed_model(state, {"channels": 4, "size": 8, "categories": ["a", "b"]}), CPU)
    together = draw(generator, torch.tensor([0, 1, 1]), [5, 6, 7])
    assert together.shape == (3, 3, 8, 8)
    assert together.dtype == torch.uint8
    apart = draw(state.smooth, torch.tensor([1]), [6])
    assert (together[1].int() - apart[0].int()).abs().max() <= 1
    assert not torch.equal(together[1], together[2])
