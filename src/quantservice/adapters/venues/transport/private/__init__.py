"""What private requests and streams of all venues share: one request sent once, the stream kept up, its events in order."""
