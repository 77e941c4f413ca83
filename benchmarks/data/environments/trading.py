"""gym-trading-env on prices that are drawn: `--env ./trading.py:trading`."""

import gym_trading_env  # noqa: F401  (registers the environment)
import gymnasium
import numpy as np
import pandas as pd


def trading():
    """An asset whose logarithm walks at random for a thousand hours."""
    generator = np.random.default_rng(0)
    close = 100.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, 1000)))
    table = pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 1.0})
    table.index = pd.date_range("2026-01-01", periods=1000, freq="h")
    table["feature_close"] = table["close"].pct_change()
    return gymnasium.make("TradingEnv", df=table.dropna(), positions=[-1, 0, 1])
