"""Words every layer may use: errors, ids, time, state machines."""
