"""OKX v5 over the simulator's markets and matching engine: its own wire protocol, rules, codes and limits."""
