-- Finds disposed segments that may be forgotten (forgetting.py).

CREATE INDEX segment_disposed ON segment (gone_us) WHERE disposed > 0;
