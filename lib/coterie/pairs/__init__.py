"""All pairs of rows, the best kept: cosine neighbours, the best of another side, and all pairs above a threshold, exactly, block against block."""
