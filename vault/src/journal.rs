//! Sealed state that survives kills, and is found out when an older copy is put back.
