import numpy as np

from assay.training.figures import learning_curves, training_table

ERRORS = {
    "energy_mae_meV_per_atom": 50.0,
    "energy_mae_meV_per_atom_stderr": 5.0,
    "force_mae_meV_A": 150.0,
    "force_mae_meV_A_stderr": 10.0,
}


def record(architecture: str, sizes: list[int]) -> dict:
    curve = [
        {
            "epoch": epoch,
            **{f"training_{name}": value / epoch for name, value in ERRORS.items()},
            **{f"validation_{name}": 2 * value / epoch for name, value in ERRORS.items()},
        }
        for epoch in (1, 2, 3)
    ]
    return {
        "model": f"{architecture}-synthetic",
        "architecture": architecture,
        "settings": {"structures": {"test": 8}},
        "parameters": 1000,
        "curve": curve,
        "sizes": [{"n_train": size, "best_epoch": 3, "test": ERRORS, "seconds": 1.0} for size in sizes],
    }


def test_every_size_of_every_model_is_a_row():
    table = training_table([record("schnet", [16, 32]), record("painn", [32])])
    assert list(table.columns[:5]) == ["model", "case", "status", "reason", "message"]
    assert list(table["case"]) == ["16 structures", "32 structures", "32 structures"]
    assert table["force_mae_meV_A_stderr"].eq(10.0).all()


def test_errors_are_drawn_against_epochs_and_where_there_are_several_against_sizes():
    one = learning_curves([record("schnet", [32])])
    assert len(one.axes) == 2
    validation, training = one.axes[1].lines
    assert np.array_equal(validation.get_ydata(), [300.0, 150.0, 100.0])
    assert np.array_equal(training.get_ydata(), [150.0, 75.0, 50.0])
    several = learning_curves([record("schnet", [16, 32]), record("painn", [16, 32])])
    assert len(several.axes) == 4
    assert np.array_equal(several.axes[1].containers[0].lines[0].get_xdata(), [16, 32])
