// Prometheus' answers as Grafana's data frames.
import { FieldType, toDataFrame } from '@grafana/data';

const number = (text) => (text === undefined ? null : Number(text));

function legend(format, labels) {
  return format.replace(/{{\s*(\w+)\s*}}/g, (_, name) => labels[name] ?? '').trim();
}

/** A table of this moment: a column for each label, and the values. */
function table(target, series, several) {
  const labels = [...new Set(series.flatMap((each) => Object.keys(each.metric)))].sort();
  const columns = labels.map((name) => ({
    name,
    type: FieldType.string,
    values: series.map((each) => each.metric[name] ?? ''),
  }));
  const time = { name: 'Time', type: FieldType.time, values: series.map((each) => each.value[0] * 1000) };
  const value = {
    name: several ? `Value #${target.refId}` : 'Value',
    type: FieldType.number,
    values: series.map((each) => number(each.value[1])),
  };
  return [toDataFrame({ refId: target.refId, fields: [time, ...columns, value] })];
}

/** A frame for each series; where Prometheus has no point, there is none. */
function lines(target, series, { start, end, step }) {
  const times = [];
  for (let at = start; at <= end; at += step) times.push(at);
  return series.map(({ metric, value, values }) => {
    const points = new Map((values ?? [value]).map(([at, text]) => [Math.round(at), text]));
    const shown = values ? times : [...points.keys()];
    const name = legend(target.legendFormat, metric);
    return toDataFrame({
      refId: target.refId,
      name,
      fields: [
        { name: 'Time', type: FieldType.time, values: shown.map((at) => at * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          labels: metric,
          config: { displayNameFromDS: name },
          values: shown.map((at) => number(points.get(at))),
        },
      ],
    });
  });
}

/** What a panel shows: answers are those to its targets, in their order. */
export function frames(panel, answers, range) {
  return panel.targets.flatMap((target, index) => {
    const { series, step } = answers[index];
    return target.format === 'table'
      ? table(target, series, panel.targets.length > 1)
      : lines(target, series, { ...range, step });
  });
}
