from training_problems import LEVELS, Notes, run, simulated, trained


def test_a_callback_hears_of_all_that_happens():
    notes = Notes()
    fit = run(simulated(), callbacks=[notes])
    levels = [f"{level} {phase}" for level, phase in trained(fit)]
    between = [f"{what} {level}" for level in levels for what in ("begin", "end")]
    assert notes.heard == [len(levels), *between, len(fit.history)]


def test_a_callback_ends_a_level_or_the_training():
    full = run(simulated())
    short = run(simulated(), callbacks=[Notes(lambda record: record["level"] == 1)])
    assert short.done == full.done
    assert max(record["epoch"] for record in short.history if record["level"] == 1) == 1
    ended = run(simulated(), callbacks=[Notes(ends_training=lambda fit: len(trained(fit)) == 2), Notes()])
    assert trained(ended) == trained(full)[:2] and ended.model.input_shapes == LEVELS[ended.done[-1].level]
