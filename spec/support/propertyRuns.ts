/** How many runs a property gets: fewer where a tool runs the specs a thousand times over, as `npm run mutate` does. */
export const propertyRuns = (count: number): number =>
  Math.ceil(count * Number(process.env.PROPERTY_SHARE ?? 1));
