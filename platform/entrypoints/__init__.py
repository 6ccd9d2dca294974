"""Where processes start: the API, the worker, the commands, and the demo's supervisor."""
