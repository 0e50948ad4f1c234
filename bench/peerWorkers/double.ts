export default (x: number): number => 2 * x;
