/** Without the keys whose value is null or undefined: GraphQL says null for what a caller left out. */
export const defined = <Shape extends object>(
  shape: Shape,
): { [Key in keyof Shape]?: NonNullable<Shape[Key]> } =>
  Object.fromEntries(
    Object.entries(shape).filter(([, value]) => value !== null && value !== undefined),
  ) as { [Key in keyof Shape]?: NonNullable<Shape[Key]> };
