"""The transformer: shapes, what it may depend on, and that the large preset runs."""

from typing import Any

import pytest
import torch

from flm_edu.architecture import Role
from flm_edu.network import DiT, NetworkConfig
from flm_edu.training.presets import load_preset

SMALL: dict[str, Any] = {"width": 16, "blocks": 2, "heads": 2, "time_width": 8}


def network(role: Role | None = None, **changes: Any) -> DiT:
    torch.manual_seed(0)
    net = DiT(NetworkConfig(**{"vocab_size": 7, "length": 6, **SMALL, **changes}), role)
    for parameter in net.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return net.eval()


def test_tokens_and_their_corners_give_the_same_logits() -> None:
    tokens = torch.randint(7, (3, 6))
    tau = torch.rand(3)
    net = network()
    corners = torch.nn.functional.one_hot(tokens, 7).float()
    assert torch.allclose(net(tokens, tau), net(corners, tau), atol=1e-5)


def test_starts_from_equally_likely_tokens() -> None:
    net = DiT(NetworkConfig(vocab_size=7, length=6, **SMALL))
    assert bool((net(torch.randn(2, 6, 7), torch.rand(2)) == 0).all())


def test_every_position_sees_every_other_and_order_matters() -> None:
    net, tau = network(), torch.rand(1)
    x = torch.randn(1, 6, 7)
    base = net(x, tau)
    for changed in range(6):
        y = x.clone()
        y[:, changed] += 1
        assert bool(((net(y, tau) - base).abs().amax(-1) > 1e-6).all())
    assert not torch.allclose(net(x.flip(1), tau).flip(1), base, atol=1e-4)


def test_both_times_matter() -> None:
    net = network(Role(two_times=True))
    x, s, t = torch.randn(2, 6, 7), torch.tensor([0.1, 0.1]), torch.tensor([0.4, 0.4])
    base = net(x, s, t)
    assert not torch.allclose(net(x, s + 0.3, t), base, atol=1e-4)
    assert not torch.allclose(net(x, s, t + 0.3), base, atol=1e-4)
    assert not torch.allclose(net(x, t, s), base, atol=1e-4)


def test_samples_of_a_batch_do_not_mix() -> None:
    net = network()
    x, tau = torch.randn(4, 6, 7), torch.rand(4)
    assert torch.allclose(net(x, tau)[2:3], net(x[2:3], tau[2:3]), atol=1e-5)


def test_shorter_sequences_run() -> None:
    assert network()(torch.randn(2, 3, 7), torch.rand(2)).shape == (2, 3, 7)


def test_written_out_attention_equals_the_fused_kernel() -> None:
    block: Any = network().blocks[0]
    x = torch.randn(2, 6, 16)
    rotary = network().rotary(6)
    written_out = block.attention(x, rotary)
    query, key, value = block.attention_in(x).view(2, 6, 3, 2, 8).permute(2, 0, 3, 1, 4)
    query, key = (network().rotary.turn(part, *rotary) for part in (query, key))
    fused = torch.nn.functional.scaled_dot_product_attention(query, key, value)
    assert torch.allclose(block.attention_out(fused.transpose(1, 2).reshape(2, 6, 16)), written_out, atol=1e-5)


def test_rotary_scores_depend_on_distance_only() -> None:
    rotary = network().rotary
    q, k = torch.randn(8), torch.randn(8)
    rows = torch.arange(6)
    turned_q = rotary.turn(q.expand(1, 1, 6, 8), *rotary(6))[0, 0]
    turned_k = rotary.turn(k.expand(1, 1, 6, 8), *rotary(6))[0, 0]
    scores = turned_q @ turned_k.T
    for distance in (-2, 0, 3):
        along = scores[rows[max(0, -distance) : 6 - max(0, distance)], rows[max(0, distance) : 6 + min(0, distance)]]
        assert torch.allclose(along, along[0].expand_as(along), atol=1e-5)


def test_softcap_bounds_scores_and_vanishes_when_large() -> None:
    x, tau = torch.randn(2, 6, 7), torch.rand(2)
    assert torch.allclose(network(softcap=1e4)(x, tau), network()(x, tau), atol=1e-4)
    assert not torch.allclose(network(softcap=0.1)(x, tau), network()(x, tau), atol=1e-4)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 10, "heads": 3}, "`width` is 10; it must be a multiple of 2 x `heads` = 6"),
        ({"blocks": 0}, "`blocks` is 0"),
        ({"dropout": 1.0}, "`dropout` is 1.0"),
    ],
)
def test_sizes_are_checked(sizes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        network(**sizes)


def test_vocabulary_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="`vocab_size` is 1"):
        NetworkConfig(vocab_size=1, length=4)


def test_times_must_fit_the_network() -> None:
    x, tau = torch.randn(2, 6, 7), torch.rand(2)
    with pytest.raises(ValueError, match="one-time network"):
        network()(x, tau, tau)
    with pytest.raises(ValueError, match="two-time network"):
        network(Role(two_times=True))(x, tau)


def test_small_preset_runs_on_meta_tensors() -> None:
    config = load_preset("small").network(vocab_size=30_522, length=128)
    assert (config.blocks, config.width) == (12, 768)
    with torch.device("meta"):
        net = DiT(config)
        logits = net(torch.empty(2, 128, 30_522), torch.empty(2))
    assert logits.shape == (2, 128, 30_522)
    assert 130e6 < sum(p.numel() for p in net.parameters()) < 180e6


@pytest.mark.slow
def test_small_preset_takes_a_training_step_on_the_cpu() -> None:
    from flm_edu.flow import FlowLM
    from flm_edu.objectives import StepContext, flow_matching

    model = FlowLM(load_preset("small").network(vocab_size=1000, length=64))
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1000, (1, 64), generator=generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    losses = []
    for _ in range(3):
        result = flow_matching(model, tokens, StepContext(torch.Generator().manual_seed(1)))
        optimizer.zero_grad()
        result.loss.backward()
        optimizer.step()
        losses.append(float(result.loss))
    assert losses[-1] < losses[0]


@pytest.mark.cuda
def test_on_cuda_it_agrees_with_the_cpu() -> None:
    net, x, tau = network(), torch.randn(2, 6, 7), torch.rand(2)
    on_cpu = net(x, tau)
    assert torch.allclose(net.cuda()(x.cuda(), tau.cuda()).cpu(), on_cpu, atol=1e-3)


def test_a_causal_position_sees_itself_and_what_came_before() -> None:
    net, tau = network(Role(causal=True)), torch.rand(1)
    x = torch.randn(1, 6, 7)
    base = net(x, tau)
    for changed in range(6):
        y = x.clone()
        y[:, changed] += 1
        moved = (net(y, tau) - base).abs().amax(-1)[0] > 1e-6
        assert moved.tolist() == [position >= changed for position in range(6)]


@pytest.mark.parametrize(
    "changes",
    [{}, {"softcap": 5.0}, {"absolute_positions": True}, {"length": 300}],
)
@pytest.mark.parametrize("parts", [(1,) * 6, (2, 1, 3), (6,)])
def test_reading_in_parts_with_a_memory_is_reading_at_once(changes: dict[str, object], parts: tuple[int, ...]) -> None:
    """Length 300 takes the fused kernels, which must mask as the written-out attention does."""
    net = network(Role(causal=True, extra_tokens=1), **changes)
    repeat = net.config.length // 6
    tokens, tau = torch.randint(8, (3, net.config.length)), torch.zeros(1)
    with torch.no_grad():
        full, memory = net(tokens, tau), net.new_memory()
        pieces = [net(part, tau, memory=memory) for part in tokens.split([n * repeat for n in parts], dim=1)]
    assert torch.allclose(torch.cat(pieces, dim=1), full, atol=1e-3, rtol=1e-3)


def test_only_a_causal_network_remembers() -> None:
    net = network()
    with pytest.raises(ValueError, match="only a causal network"):
        net(torch.randn(1, 6, 7), torch.rand(1), memory=net.new_memory())
