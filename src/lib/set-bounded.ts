/** Sets a key of a map that holds at most `max`: the one that was set first gives way. */
export const setBounded = <Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  max: number,
): void => {
  const [oldest] = map.keys();
  if (map.size >= max) map.delete(oldest as Key);
  map.set(key, value);
};
