const MAX_LINE = 2 ** 20;

export type Event = {
  Action?: unknown;
  Actor?: { ID?: unknown; Attributes?: Record<string, unknown> };
};

const parse = (line: string): Event => {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
};

async function* readLines(stream: AsyncIterable<unknown>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of stream) {
    rest += String(chunk);
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE) throw new Error('An event of the container engine is too long.');
    yield* lines;
  }
}

/** The events of an engine, a line of JSON each; what is no event is empty. */
export async function* readEvents(stream: AsyncIterable<unknown>): AsyncGenerator<Event> {
  for await (const line of readLines(stream)) yield parse(line);
}
