"""A reward to take home: as one stand-alone file, and as a wrapper of an environment."""
