"""The benchmark of a hybrid solver's training step compares two programs that compute the same thing."""

import warnings

import pytest
import torch

from tools import bench_hybrid


@pytest.mark.slow
def test_both_losses_and_their_gradients_agree_up_to_boundary_treatment():
    from phi.torch.flow import math as pm

    torch.manual_seed(0)
    network, start = bench_hybrid.correction_network(), bench_hybrid.developed_flow()
    results = {}
    with warnings.catch_warnings(), pm.precision(64):
        warnings.simplefilter("ignore")
        for loss in (bench_hybrid.our_loss, bench_hybrid.phiflow_loss):
            network.zero_grad()
            value = loss(network, start)
            value.backward()
            gradient = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
            results[loss.__name__] = value.item(), gradient
    (ours, our_gradient), (theirs, their_gradient) = results.values()
    assert ours == pytest.approx(theirs, rel=0.01)
    assert torch.cosine_similarity(our_gradient, their_gradient, dim=0) > 0.95
