// The kinds of panels. Lines and numbers are Grafana's components; state timelines and heat maps are
// in its core alone and drawn plainly here, as are tables: their texts and colours are Grafana's.
import React from 'react';
import { getDisplayProcessor, getFieldDisplayName, getFieldDisplayValues, FieldType } from '@grafana/data';
import { BigValue, TimeSeries } from '@grafana/ui';

const GREY = '#9fa1a8';

export function Lines({ panel, data, width, height, timeRange }) {
  return <TimeSeries frames={data} timeRange={timeRange} timeZone="utc" width={width} height={height}
    legend={panel.options.legend} options={panel.options} />;
}

export function Numbers({ panel, data, width, height, theme, fieldConfig, replace }) {
  const shown = getFieldDisplayValues({
    fieldConfig, theme, data, replaceVariables: replace, sparkline: false, timeZone: 'utc',
    reduceOptions: panel.options.reduceOptions,
  });
  const { colorMode, textMode, justifyMode } = panel.options;
  return <div style={{ display: 'flex' }}>
    {shown.map(({ display }, index) => <BigValue key={index} value={display} theme={theme}
      width={width / shown.length} height={height} colorMode={colorMode} textMode={textMode}
      justifyMode={justifyMode} graphMode="none" />)}
  </div>;
}

export function Rows({ panel, data, height }) {
  const frame = data[0];
  const fields = frame.fields;
  const name = (field) => getFieldDisplayName(field, frame, data);
  const rows = Array.from({ length: frame.length }, (_, row) => row);
  for (const { displayName, desc } of panel.options.sortBy) {
    const by = fields.find((field) => name(field) === displayName);
    if (by) rows.sort((a, b) => ((by.values[a] ?? 0) - (by.values[b] ?? 0)) * (desc ? -1 : 1));
  }
  const numbers = (field) => field.type === FieldType.number;
  const cell = { padding: '4px 8px', borderBottom: '1px solid #2c3235', whiteSpace: 'nowrap' };
  return <table style={{ borderCollapse: 'collapse', width: '100%', fontSize: 12 }}>
    <thead><tr>{fields.map((field) => <th key={name(field)} style={{ ...cell, fontWeight: 500,
      color: '#6e9fff', textAlign: numbers(field) ? 'right' : 'left' }}>{name(field)}</th>)}</tr></thead>
    <tbody>{rows.slice(0, Math.floor((height - 28) / 24)).map((row) => <tr key={row}>
      {fields.map((field) => {
        const value = field.values[row];
        const text = field.display(value);
        const colored = field.config.custom?.cellOptions?.type === 'color-text';
        return <td key={name(field)} style={{ ...cell, color: colored ? text.color : undefined,
          textAlign: numbers(field) ? 'right' : 'left',
          textDecoration: field.config.links?.length ? 'underline' : undefined }}>
          {value == null ? '' : `${text.prefix ?? ''}${text.text}${text.suffix ?? ''}`}</td>;
      })}
    </tr>)}</tbody>
  </table>;
}

/** The times under a drawing, five of them. */
function Times({ range, left, width, y }) {
  return [0, 1, 2, 3, 4].map((n) => {
    const at = new Date((range.start + (range.end - range.start) * (n / 4)) * 1000);
    return <text key={n} x={left + (width - left) * (n / 4)} y={y} fontSize={11} fill={GREY}
      textAnchor={['start', 'middle', 'middle', 'middle', 'end'][n]}>{at.toISOString().slice(11, 16)}</text>;
  });
}

export function States({ data, width, height, theme, range }) {
  const names = data.map((frame) => getFieldDisplayName(frame.fields[1], frame, data));
  const left = Math.min(width * 0.6, 16 + 6.2 * Math.max(...names.map((name) => name.length)));
  const tall = Math.min(34, (height - 20) / data.length);
  const across = (at) => left + (at / 1000 - range.start) / (range.end - range.start) * (width - left);
  return <svg width={width} height={height}>
    {data.map((frame, row) => {
      const [time, field] = frame.fields;
      const display = field.display ?? getDisplayProcessor({ field, theme });
      const step = time.values.length > 1 ? time.values[1] - time.values[0] : 15_000;
      return <g key={row}>
        <text x={left - 6} y={row * tall + tall / 2 + 4} textAnchor="end" fontSize={11} fill="#ccccdc">
          {names[row]}</text>
        {time.values.map((at, n) => field.values[n] == null ? null : <rect key={n} y={row * tall + 3}
          x={across(at - step)} width={across(at) - across(at - step) + 0.5} height={tall - 6}
          fill={display(field.values[n]).color} />)}
      </g>;
    })}
    <Times range={range} left={left} width={width} y={height - 4} />
  </svg>;
}

export function Heat({ data, width, height, range, panel, format }) {
  const bound = (frame) => Number(frame.fields[1].labels.le.replace('+Inf', 'Infinity'));
  const sorted = [...data].sort((a, b) => bound(a) - bound(b));
  const at = (frame, n) => frame.fields[1].values[n] ?? 0;
  const cells = sorted.map((frame, row) => frame.fields[1].values.map((_, n) => (
    Math.max(0, at(frame, n) - (row > 0 ? at(sorted[row - 1], n) : 0)))));
  const most = Math.max(...cells.flat(), 1e-9);
  const left = 56;
  const tall = (height - 22) / sorted.length;
  const wide = (width - left) / cells[0].length;
  return <svg width={width} height={height}>
    {sorted.map((frame, row) => {
      const y = height - 22 - (row + 1) * tall;
      const label = Number.isFinite(bound(frame)) ? format(bound(frame), panel.fieldConfig.defaults.unit) : 'more';
      return <g key={row}>
        <text x={left - 6} y={y + tall / 2 + 4} textAnchor="end" fontSize={11} fill={GREY}>{label}</text>
        {cells[row].map((value, n) => value > 1e-9 && <rect key={n} x={left + n * wide} y={y}
          width={wide + 0.5} height={tall - 1} fill={`rgba(255, 152, 48, ${0.2 + 0.8 * Math.sqrt(value / most)})`} />)}
      </g>;
    })}
    <Times range={range} left={left} width={width} y={height - 4} />
  </svg>;
}
