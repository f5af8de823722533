//! Key management: the keys of workers, by generations.
