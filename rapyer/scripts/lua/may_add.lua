#!lua flags=no-writes
-- Ask whether the user may add to a set. It would add something, but this script may not, and the server looks at that
-- only after the permissions.
-- KEYS[1]  a key
return redis.pcall('SADD', KEYS[1], 'x')
