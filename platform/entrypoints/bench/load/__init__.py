"""The load: buyers over HTTP, in a process of their own, who check every answer that they get."""
