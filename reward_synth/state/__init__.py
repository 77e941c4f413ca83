"""The state that rewards read: field tables, views, recorded episodes."""
