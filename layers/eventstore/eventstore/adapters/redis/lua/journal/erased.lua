#!lua flags=allow-oom
-- The step of a record whose content was removed, because another one replaced it: nothing is done.
