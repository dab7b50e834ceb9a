// A strategy's parameters out of its JSON Schema, and ranges of them for a sweep.
export type Scalar = number | string | boolean;

export interface Parameter {
  name: string;
  title: string;
  text: string;
  kind: "integer" | "number" | "boolean" | "string";
  fallback: Scalar;
  low: number | null;
  high: number | null;
  step: number | null;
  options: Scalar[] | null;
}

interface Property {
  type?: string;
  title?: string;
  description?: string;
  default?: Scalar;
  minimum?: number;
  maximum?: number;
  step?: number;
  enum?: Scalar[];
}

export function parametersOf(schema: Record<string, unknown>): Parameter[] {
  const properties = (schema.properties ?? {}) as Record<string, Property>;
  return Object.entries(properties).map(([name, property]) => ({
    name,
    title: property.title ?? name,
    text: property.description ?? "",
    kind: property.type === "integer" || property.type === "boolean" || property.type === "string" ? property.type : "number",
    fallback: property.default ?? 0,
    low: property.minimum ?? null,
    high: property.maximum ?? null,
    step: property.step ?? null,
    options: property.enum ?? null,
  }));
}

/** How one parameter is varied: a range of numbers, or some of its values. */
export interface Range {
  on: boolean;
  low: number;
  high: number;
  step: number;
  values: Scalar[];
}

export const isNumeric = (parameter: Parameter): boolean => parameter.options === null && (parameter.kind === "integer" || parameter.kind === "number");

/** A first range round the default, within the declared bounds. */
export function firstRange(parameter: Parameter): Range {
  const fallback = Number(parameter.fallback);
  const step = parameter.step ?? (parameter.kind === "integer" ? Math.max(1, Math.round(fallback / 10)) : fallback / 10 || 0.1);
  const within = (value: number) => Math.min(parameter.high ?? value, Math.max(parameter.low ?? value, value));
  const wide = parameter.kind === "integer" ? Math.max(step, Math.round(fallback / 2 / step) * step) : Math.max(step, (fallback / 2 / step) * step);
  const values = parameter.options ?? (parameter.kind === "boolean" ? [false, true] : [parameter.fallback]);
  return { on: false, low: rounded(within(fallback - wide)), high: rounded(within(fallback + wide)), step: rounded(step), values: [...values] };
}

export const rounded = (value: number): number => Number(value.toFixed(10));

export function countOf(parameter: Parameter, range: Range): number {
  if (!range.on) return 1;
  if (!isNumeric(parameter)) return range.values.length;
  if (!(range.step > 0) || range.high < range.low) return 0;
  return Math.floor((range.high - range.low) / range.step + 1e-9) + 1;
}

/** A range as a job's request says it. */
export function spaceOf(parameter: Parameter, range: Range): unknown {
  return isNumeric(parameter) ? { low: range.low, high: range.high, step: range.step } : range.values;
}
