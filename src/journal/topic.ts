import type { Followed } from './follow.ts';

/** One file of records, named by the seq of its first. `marks`: some places where a frame begins, in order. */
export type Segment = {
  first: number;
  file: string;
  size: number;
  marks: { seq: number; offset: number }[];
};

export type Topic = Followed & {
  dir: string;
  seed: number;
  segments: Segment[];
  /** Of the newest segment, when it is open. */
  fd: number | null;
  /** The newest segment has an end that cannot be read: what comes next begins another. */
  sealed: boolean;
};
