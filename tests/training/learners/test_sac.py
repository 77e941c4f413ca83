"""The update of SAC and TQC against automatic differentiation of the published losses."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.vec_env import DummyVecEnv
from torch.distributions import Normal
from torch.distributions.transforms import TanhTransform

from reward_synth.training.learners.critics import DROPPED, Estimate, Expected, Quantiles
from reward_synth.training.learners.sac import ActorCritics, NumpySAC

COEFFICIENT = 0.3
ROWS = 48


def make(estimate: Estimate, layer_norm: bool = True, **settings: Any) -> NumpySAC:
    venv = DummyVecEnv([lambda: gymnasium.make("Reacher-v5")] * 2)
    kwargs = {"net_arch": [24, 16], "outputs": estimate.outputs, "layer_norm": layer_norm}
    options: dict[str, Any] = {"ent_coef": f"auto_{COEFFICIENT}", "seed": 3, "device": "cpu", "n_steps": 3}
    model = NumpySAC(ActorCritics, venv, estimate=estimate, policy_kwargs=kwargs, **(options | settings))
    # Standard deviations at both of their bounds are among the outputs.
    with torch.no_grad():
        model.actor.log_std.weight *= 12
        for norm in (m for m in model.critic.modules() if isinstance(m, torch.nn.LayerNorm)):
            norm.weight.uniform_(0.5, 1.5)
            norm.bias.uniform_(-0.5, 0.5)
    return model


def batch_of(model: NumpySAC) -> ReplayBufferSamples:
    random = np.random.default_rng(0)

    def draw(columns: int) -> Any:
        return random.normal(size=(ROWS, columns)).astype(np.float32)

    ends = (random.random((ROWS, 1)) < 0.3).astype(np.float32)
    size = model.observation_space.shape[0]
    discounts = random.choice([0.9, 0.81], size=(ROWS, 1)).astype(np.float32)
    return ReplayBufferSamples(3 * draw(size), np.tanh(draw(2)), 3 * draw(size), ends, 2 * draw(1), discounts)


def draw(model: NumpySAC, observations: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Actions, and the logarithms of their densities (n, 1)."""
    latent = model.actor.latent_pi(observations)
    log_deviations = torch.clamp(model.actor.log_std(latent), -20, 2)
    noise = torch.randn(log_deviations.shape)
    raw = model.actor.mu(latent) + log_deviations.exp() * noise
    actions = torch.tanh(raw)
    # From the noise: the actions of the smallest deviations have lost it to rounding.
    densities = Normal(0.0, 1.0).log_prob(noise) - log_deviations - TanhTransform().log_abs_det_jacobian(raw, actions)
    return actions, densities.sum(dim=1, keepdim=True)


def outputs(networks: Any, observations: torch.Tensor, actions: torch.Tensor) -> list[torch.Tensor]:
    return [network(torch.cat((observations, actions), dim=1)) for network in networks]


def critic_loss(model: NumpySAC, estimate: Estimate, batch: ReplayBufferSamples) -> torch.Tensor:
    """Haarnoja et al. (2018) and Kuznetsov et al. (2020), as plainly as can be."""
    seen, taken, after, ends, rewards, discounts = (torch.from_numpy(each) for each in batch)
    with torch.no_grad():
        actions, densities = draw(model, after)
        following = outputs(model.critic_target.q_networks, after, actions)
        if isinstance(estimate, Expected):
            values = torch.minimum(*following)
        else:
            values = torch.cat(following, dim=1).sort(dim=1).values[:, : 2 * (estimate.outputs - DROPPED)]
        values = values - COEFFICIENT * densities
        targets = rewards + (1 - ends) * discounts * values
    total = torch.zeros(())
    for found in outputs(model.critic.q_networks, seen, taken):
        if isinstance(estimate, Expected):
            total = total + 0.5 * (found - targets).square().mean()
            continue
        levels = (torch.arange(estimate.outputs) + 0.5) / estimate.outputs
        errors = targets[:, None, :] - found[:, :, None]
        huber = torch.nn.functional.huber_loss(errors, torch.zeros_like(errors), reduction="none")
        total = total + ((levels[:, None] - (errors.detach() < 0).float()).abs() * huber).mean()
    return total


def actor_loss(model: NumpySAC, estimate: Estimate, batch: ReplayBufferSamples) -> torch.Tensor:
    seen = torch.from_numpy(batch.observations)
    actions, densities = draw(model, seen)
    found = outputs(model.critic.q_networks, seen, actions)
    value = torch.minimum(*found) if isinstance(estimate, Expected) else torch.cat(found, dim=1).mean(dim=1)
    return COEFFICIENT * densities.mean() - value.mean()


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    assert expected.abs().max() > 0
    assert (found - expected).abs().max() < 2e-4 * expected.abs().max()


@pytest.mark.parametrize("layer_norm", [True, False])
@pytest.mark.parametrize("estimate", [Expected(), Quantiles()], ids=["sac", "tqc"])
def test_slopes_are_those_of_automatic_differentiation(estimate: Estimate, layer_norm: bool) -> None:
    model = make(estimate, layer_norm)
    batch = batch_of(model)

    torch.manual_seed(1)
    expected = critic_loss(model, estimate, batch)
    expected.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(1)
    assert model._descend_critics(batch, COEFFICIENT) == pytest.approx(expected.item(), rel=1e-4)
    for parameter in model.critic.parameters():
        assert parameter.grad is not None
        same(torch.from_numpy(model._critic_weights.of(parameter).slopes).reshape(parameter.shape), parameter.grad)

    torch.manual_seed(2)
    expected = actor_loss(model, estimate, batch)
    expected.backward()  # type: ignore[no-untyped-call]
    torch.manual_seed(2)
    found, _ = model._descend_actor(batch.observations, COEFFICIENT)
    assert found == pytest.approx(expected.item(), rel=1e-4)
    latent = model.actor.log_std(model.actor.latent_pi(torch.from_numpy(batch.observations)))
    assert (latent > 2).any() and (latent < 2).any()
    for parameter in model.actor.parameters():
        assert parameter.grad is not None
        same(torch.from_numpy(model._actor_weights.of(parameter).slopes).reshape(parameter.shape), parameter.grad)


@pytest.mark.parametrize("ent_coef", ["auto_0.3", 0.2])
def test_an_update_changes_everything_as_it_should(ent_coef: str | float) -> None:
    model = make(Expected(), ent_coef=ent_coef, tau=0.25)
    batch = batch_of(model)
    before = {name: each.clone() for name, each in model.policy.state_dict().items()}
    coefficient = model._coefficient()
    model._update(batch)
    after = model.policy.state_dict()
    for name, weights in before.items():
        if name.startswith("critic_target"):
            now = after[name.replace("critic_target", "critic")]
            assert torch.allclose(after[name], 0.75 * weights + 0.25 * now, atol=1e-6), name
        else:
            assert not torch.equal(after[name], weights), name
    changed = model._coefficient() != coefficient
    assert changed == (ent_coef != 0.2)


def test_the_entropy_coefficient_falls_where_the_policy_is_random_enough() -> None:
    model = make(Expected(), learning_rate=0.01)
    model.target_entropy = -50.0
    for _ in range(5):
        model._update(batch_of(model))
    assert model._coefficient() < COEFFICIENT
    assert model.log_ent_coef.exp().item() == pytest.approx(model._coefficient())
