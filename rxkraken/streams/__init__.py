"""Hot hubs, shared feeds, and the streams people hold: how a routed frame reaches its subscribers."""
