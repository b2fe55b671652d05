/** What a query says, by Prometheus' own grammar. */
import { parser } from '@prometheus-io/lezer-promql';

/** Where the text is not PromQL. */
export function mistakesIn(expr: string): string[] {
  const mistakes: string[] = [];
  parser.parse(expr).iterate({
    enter: ({ type, from, to }) => {
      if (type.isError) mistakes.push(`${from}: ${expr.slice(from, Math.max(to, from + 10))}`);
    },
  });
  return mistakes;
}

/** The names of the metrics in it. */
export function metricsIn(expr: string): string[] {
  const names = new Set<string>();
  parser.parse(expr).iterate({
    enter: ({ name, node, from, to }) => {
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') names.add(expr.slice(from, to));
    },
  });
  return [...names];
}
