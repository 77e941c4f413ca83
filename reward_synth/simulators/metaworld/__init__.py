"""MetaWorld v3: a Sawyer arm at a table. Needs the extra ``metaworld``."""
