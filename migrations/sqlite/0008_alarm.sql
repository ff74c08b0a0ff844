-- What was or is wrong, so that it is told once when it begins and once when it ends.

-- One thing that was wrong, from its beginning to its end.
CREATE TABLE alarm (
    id INTEGER PRIMARY KEY,    -- 1, 2, 3 ...
    source TEXT NOT NULL,      -- who watches over it: house, remind or deliver
    what TEXT NOT NULL,        -- what is wrong: database, disk, smtp, recipient:NAME, delivery:KEY ...
    says TEXT NOT NULL,        -- the same in words. No personal data
    begun_at INTEGER NOT NULL, -- since when (UTC, epoch ms)
    seen_at INTEGER NOT NULL,  -- when it was last seen (UTC, epoch ms)
    told_at INTEGER,           -- when its letter was queued (UTC, epoch ms); empty = not told (yet)
    ended_at INTEGER,          -- when it was found to be over (UTC, epoch ms); empty = it lasts
    end_told_at INTEGER        -- when that was told (UTC, epoch ms)
);
CREATE UNIQUE INDEX alarm_open ON alarm (what) WHERE ended_at IS NULL;
