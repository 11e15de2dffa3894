import pytest
import torch

from pbdl_utils.networks import mlp, parameter_count
from pbdl_utils.runtime import seed_everything
from pbdl_utils.training import fit, progress

X = torch.linspace(-1, 1, 32)[:, None]


def set_up(lr: float = 0.01):
    seed_everything(0)
    network = mlp([1, 16, 1])
    return network, torch.optim.Adam(network.parameters(), lr=lr)


def batches():
    return X[torch.randperm(32)].split(8)


def run(epochs, *, checkpoint=None, network=None, optimizer=None, **options):
    if network is None:
        network, optimizer = set_up()
    history = fit(
        network,
        batches,
        lambda x: ((network(x) - x**2) ** 2).mean(),
        epochs=epochs,
        optimizer=optimizer,
        checkpoint=checkpoint,
        **options,
    )
    return network, history


def test_training_lowers_the_loss():
    _, history = run(40)
    assert len(history.train) == 40
    assert history.train[-1] < 0.1 * history.train[0]
    assert history.seconds > 0


def test_a_finished_run_is_resumed_in_evaluation_mode(tmp_path):
    """Batch normalisation and dropout must be off, whether or not an epoch was left to train."""
    run(2, checkpoint=tmp_path / "training.pt")
    network, _ = run(2, checkpoint=tmp_path / "training.pt")
    assert not network.training


def test_interrupted_training_loses_at_most_one_epoch_and_ends_the_same(tmp_path):
    straight, history = run(6)
    path = tmp_path / "training.pt"

    class PowerCut(Exception):
        pass

    network, optimizer = set_up()
    calls = 0

    def loss(x):
        nonlocal calls
        calls += 1
        if calls == 15:  # in the fourth epoch of four batches
            raise PowerCut
        return ((network(x) - x**2) ** 2).mean()

    with pytest.raises(PowerCut):
        fit(network, batches, loss, epochs=6, optimizer=optimizer, checkpoint=path)
    resumed, resumed_history = run(6, checkpoint=path)
    assert resumed_history.train == history.train  # bit for bit: the random state is part of the checkpoint
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name])


def test_a_finished_run_is_not_repeated(tmp_path):
    first = run(3, checkpoint=tmp_path / "c.pt")[1]
    again = run(3, checkpoint=tmp_path / "c.pt")[1]
    assert again.train == first.train


@pytest.mark.parametrize("damage", [b"", b"no checkpoint", None])
def test_a_damaged_checkpoint_is_one_clear_error(tmp_path, damage):
    path = tmp_path / "c.pt"
    run(1, checkpoint=path)
    path.write_bytes(path.read_bytes()[:-300] if damage is None else damage)
    with pytest.raises(ValueError, match=r"does not fit this training run or is damaged: delete it"):
        run(2, checkpoint=path)


def test_a_checkpoint_of_another_network_is_one_clear_error(tmp_path):
    run(1, checkpoint=tmp_path / "c.pt")
    network = mlp([1, 4, 1])
    with pytest.raises(ValueError, match="does not fit"):
        run(2, checkpoint=tmp_path / "c.pt", network=network, optimizer=torch.optim.Adam(network.parameters()))


def test_early_stop_restores_the_best_weights():
    losses = iter([3.0, 1.0, 2.0, 2.5, 0.1])
    seen = []
    network, optimizer = set_up()

    def validate():
        seen.append([value.clone() for value in network.state_dict().values()])
        return next(losses)

    _, history = run(5, network=network, optimizer=optimizer, validate=validate, patience=2)
    assert history.validation == [3.0, 1.0, 2.0, 2.5]
    assert all(torch.equal(a, b) for a, b in zip(seen[1], network.state_dict().values(), strict=True))


def test_scheduler_is_stepped_once_per_epoch():
    network, optimizer = set_up(lr=1.0)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.5)
    run(3, network=network, optimizer=optimizer, scheduler=scheduler)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.125)


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="patience needs validate"):
        run(1, patience=3)
    network, optimizer = set_up()
    with pytest.raises(ValueError, match="returned no batch"):
        fit(network, lambda: [], lambda x: x, epochs=1, optimizer=optimizer)
    with pytest.raises(FloatingPointError, match="smaller learning rate"):
        fit(network, batches, lambda x: network(x).mean() * float("nan"), epochs=1, optimizer=optimizer)


def test_progress_is_quiet_when_nobody_watches(monkeypatch, capsys):
    monkeypatch.setenv("PBDL_QUIET", "1")
    assert list(progress(range(3), "x")) == [0, 1, 2]
    assert capsys.readouterr() == ("", "")


def test_progress_shows_and_clears_a_line(monkeypatch, capsys):
    monkeypatch.setattr("pbdl_utils.training.is_live", lambda: True)
    list(progress(range(2), "epoch"))
    err = capsys.readouterr().err
    assert "epoch 2/2" in err
    assert err.endswith("\r\033[K")


def test_mlp_counts_and_shapes():
    assert parameter_count(mlp([1, 128, 128, 1])) == 16897
    assert mlp([3, 8, 2])(torch.zeros(5, 3)).shape == (5, 2)
    for widths in ([1], [1, 0, 1], []):
        with pytest.raises(ValueError, match="at least two positive numbers"):
            mlp(widths)
