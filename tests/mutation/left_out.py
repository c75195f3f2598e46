"""Module constants that no mutation is drawn of, each kind with its reason.

Any value near the chosen one serves as well: a change by one or by half is no fault that a test of
behaviour should notice. What such a constant is good for is tested where it is used.
"""

SEEDS = "any seed will do"
NUMBERS_OF_DRAWS = "more draws cost time and lower an error that is far below what is reported"
NODES = "nodes of an integral, or turns of an iteration that has converged before"
TOLERANCES = "ends an iteration, or guards against rounding, far below any error"
MEMORY = "how much is held at a time: another number gives the same result"
WAITS = "how often something is looked at, or how long it may take before it is given up"

LEFT_OUT = {
    **dict.fromkeys(("SEED", "GAP_SEED", "DATES_SEED", "SHIFTS"), SEEDS),
    **dict.fromkeys(("N_BOOTSTRAP", "N_DRAWS"), NUMBERS_OF_DRAWS),
    **dict.fromkeys(
        (
            *("N_RADII", "N_ANGLES", "N_NODES", "N_ROUNDS", "N_STEPS", "N_ITERATIONS", "N_ZOOMS"),
            *("N_TURNS", "N_PASSES", "N_HALVINGS", "HALVINGS", "GAP_ROUNDS", "ROUNDS", "MAX_ROUNDS"),
            *("MAX_STEPS", "MAX_LEVEL", "N_FOLLOWS", "N_COARSE", "N_AMPLITUDE", "N_THETA"),
            *("N_JITTER", "N_KNOTS", "N_PARABOLA", "TRIALS", "OPTIONS", "START_FWHM_PX", "STD_GRID"),
            *("TAU_DAYS", "MIN_TAU", "MIN_THETA", "MIN_KEPT", "KEPT", "MERGE", "MERGE_DATA"),
        ),
        NODES,
    ),
    **dict.fromkeys(
        (
            *("TOLERANCE", "CONVERGED", "CONVERGED_PX", "GAP_TOLERANCE", "ROUNDING", "TINY", "RIDGE"),
            *("NULL_MODE", "DERIVATIVE_STEP", "STEP_PX", "STEP_LN_WIDTH", "MAX_STEP", "SMALL"),
            *("MIN_VARIANCE", "_NEGLIGIBLE", "SOFT", "FULL_COVERAGE", "FAR_PX", "LEAST_WEIGHT"),
        ),
        TOLERANCES,
    ),
    **dict.fromkeys(
        (
            *("BLOCK_LAYERS", "CHUNK", "_CHUNK", "_BLOCK", "CACHE_LIMIT", "CACHED_NODES"),
            *("FEW_DATA", "MAX_KNOT_LAYERS", "FINGERPRINT_BLOCKS", "MAX_STAMP_BYTES"),
            *("MEMORY_LIMIT_BYTES", "MEMORY_SHARE"),
        ),
        MEMORY,
    ),
    **dict.fromkeys(
        (
            *("HEARTBEAT_S", "STRATEGY_PERIOD_S", "CHECK_INTERVAL_S", "CLOSE_LIMIT_S", "_POLL_S"),
            *("COMMAND_LIMIT_S", "STATUS_POLL_S", "INTERVAL_S", "LOST_AFTER", "_WATCH_INTERVAL_S"),
            *("QUIET_INTERVAL_S", "TIME_LIMIT_S", "LOG_INTERVAL_S"),
        ),
        WAITS,
    ),
}  # fmt: skip
