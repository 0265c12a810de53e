import type { Mutation, Query, Subscription } from '../../schema/generated/types.ts';

type Scalar = string | number | boolean;
type KeyOf<Union> = Union extends unknown ? keyof Union : never;
type ValueOf<Union, Key extends PropertyKey> = Union extends { [Name in Key]?: infer Value }
  ? Value
  : never;
type SelectedFields<Union> = {
  [Key in KeyOf<Union>]: Selected<NonNullable<ValueOf<Union, Key>>>;
};

/** A value of the scalar `JSON`, such as the details of an error. */
export type Json = Record<string, string & number & boolean>;

/**
 * What a test can read from a part of an answer: the fields of every type that the schema allows there, since the document of the test
 * decides which of them it is. Names and types of fields are checked; that they were selected is for the test to see.
 */
type Selected<Type> = unknown extends Type
  ? Json
  : [Type] extends [Scalar]
    ? Type
    : [Type] extends [readonly (infer Item)[]]
      ? Selected<NonNullable<Item>>[]
      : SelectedFields<Type>;

/** The data of any operation: the root fields, as the schema declares them. */
export type Data = SelectedFields<Query | Mutation | Subscription>;
