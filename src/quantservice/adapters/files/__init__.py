"""Data files of a person's own: klines from CSV (plain, gz, xz, zip), Parquet and Feather."""
