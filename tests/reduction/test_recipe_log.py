"""What a recipe's log tells."""

from pipeline.reduction.recipe_log import failure_message, log_lines

LOG = """07:37:30 [WARNING] : [tid=000] Unable to open directory /usr/lib/cpl/plugins
07:37:31 [WARNING] muse_flat: [tid=000] Something odd
07:37:32 [WARNING] muse_flat: [tid=000] Something odd
07:37:33 [ INFO  ] muse_flat: [tid=000] All well
07:37:34 [ ERROR ] muse_flat: [tid=000] CHIP information does not match
"""


def test_warnings_are_counted_and_those_of_every_call_left_out():
    assert log_lines(LOG, "WARNING") == ("muse_flat: Something odd (2 times)",)


def test_the_reason_of_a_failure_is_its_last_error():
    assert failure_message(LOG, "nothing") == "muse_flat: CHIP information does not match"
    assert failure_message("", "An unspecified error (1)\n") == "An unspecified error (1)"


def test_warnings_that_differ_in_numbers_are_one_with_its_number():
    """48 slices warn once each: 48 warnings of one kind, and not 40."""
    log = "".join(
        f"07:37:31 [WARNING] muse_scibasic: [tid=000] Slice {n}: offset {n / 7:.2f} pix\n"
        for n in range(1, 49)
    )
    assert log_lines(log, "WARNING") == (
        "muse_scibasic: Slice 1: offset 0.14 pix (48 times, with other numbers)",
    )


def test_of_very_many_kinds_the_rest_is_counted():
    names = [f"{a}{b}" for a in "abcdefghij" for b in "abcdef"]
    log = "".join(f"07:37:31 [WARNING] muse_flat: [tid=000] odd {name}\n" for name in names)
    kept = log_lines(log, "WARNING")
    assert len(kept) == 41
    assert kept[-1] == "and 20 other messages"
