/** A write holds only while the row has this owner and epoch: a server that lost a row to another changes nothing in it. */
export type Fence = { owner: string; epoch: number };
