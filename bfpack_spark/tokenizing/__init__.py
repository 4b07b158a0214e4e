"""From text to token ids: two engines behind one interface, and the check that they agree."""
