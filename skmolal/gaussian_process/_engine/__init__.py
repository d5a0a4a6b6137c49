"""The arithmetic under the regressors: pure functions on arrays, private; validation is outside."""
