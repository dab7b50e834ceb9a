"""The market store: ClickHouse, embedded (chdb) or as a server, behind one adapter and one SQL text."""
