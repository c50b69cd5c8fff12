// Draws one dashboard with the answers of Prometheus that scripts/make-pictures has asked for: window.PICTURE.
import React from 'react';
import { createRoot } from 'react-dom/client';
import {
  applyFieldOverrides, createTheme, dateTime, formattedValueToString, getValueFormat, ThemeContext,
  transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';
import { registry } from './options.js';
import { frames } from './frames.js';
import { Heat, Lines, Numbers, Rows, States } from './kinds.jsx';

const { dashboard, answers, variables, range, width } = window.PICTURE;
const UNIT = 37;
const COLUMN = width / 24;
const KINDS = { timeseries: Lines, stat: Numbers, table: Rows, 'state-timeline': States, heatmap: Heat };

const theme = createTheme({ colors: { mode: 'dark' } });
const moment = (at) => dateTime(at * 1000);
const timeRange = {
  from: moment(range.start), to: moment(range.end),
  raw: { from: moment(range.start), to: moment(range.end) },
};
const format = (value, unit) => formattedValueToString(getValueFormat(unit)(value));

/** Texts with what is chosen: ${name:text} is how it is called, ${name} and $name what it is. */
function replace(text) {
  return text.replace(/\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g, (all, name, form, short) => {
    const variable = variables[name ?? short];
    return variable ? variable[form === 'text' ? 'text' : 'value'] : all;
  });
}

async function prepared(panel) {
  const fieldConfig = structuredClone(panel.fieldConfig);
  let data = frames(panel, answers[panel.id], range);
  if (panel.transformations.length > 0 && data.length > 0) {
    const steps = structuredClone(panel.transformations);
    data = await firstValueFrom(transformDataFrame(steps, data, { interpolate: replace }));
  }
  data = applyFieldOverrides({
    data, fieldConfig, theme, replaceVariables: replace, timeZone: 'utc', fieldConfigRegistry: registry,
  });
  return { panel, data: data.filter((frame) => frame.length > 0), fieldConfig };
}

function Panel({ panel, data, fieldConfig }) {
  const { w, h } = panel.gridPos;
  const [wide, tall] = [w * COLUMN - 8, h * UNIT - 8];
  const Kind = KINDS[panel.type];
  const inner = { width: wide - 18, height: tall - 38 };
  const nothing = panel.fieldConfig.defaults.noValue ?? 'No data';
  return <div style={{ width: wide, height: tall, boxSizing: 'border-box', overflow: 'hidden',
    padding: '6px 8px', background: '#181b1f', border: '1px solid #2c3235', borderRadius: 3 }}>
    <div style={{ height: 24, fontSize: 13, fontWeight: 500 }}>{replace(panel.title)}</div>
    {data.length === 0
      ? <div style={{ paddingTop: inner.height / 2 - 14, textAlign: 'center', color: '#9fa1a8' }}>{nothing}</div>
      : <Kind {...inner} {...{ panel, data, fieldConfig, theme, replace, timeRange, range, format }} />}
  </div>;
}

/** What is chosen, as the row of variables on top. */
function Chosen() {
  const box = { padding: '5px 10px', background: '#111217', border: '1px solid #34363d', borderRadius: 3 };
  return <div style={{ display: 'flex', gap: 8, fontSize: 12, height: 40 }}>
    {dashboard.templating.list.map(({ name, label }) => <div key={name}>
      <span style={{ ...box, background: '#181b1f' }}>{label}</span>
      <span style={{ ...box, color: '#d5d6dc' }}>{variables[name].text}</span></div>)}
  </div>;
}

function Dashboard({ ready }) {
  return <ThemeContext.Provider value={theme}>
    <div style={{ fontSize: 18, height: 36 }}>{dashboard.title}</div>
    <Chosen />
    <div style={{ position: 'relative', width }}>
      {dashboard.panels.map((panel) => {
        const { x, y } = panel.gridPos;
        const place = { position: 'absolute', left: x * COLUMN + 4, top: y * UNIT + 4 };
        return <div key={panel.id} style={place}>
          {panel.type === 'row'
            ? <div style={{ fontSize: 15, fontWeight: 500, paddingTop: 6 }}>⌄ {replace(panel.title)}</div>
            : <Panel {...ready.get(panel.id)} />}
        </div>;
      })}
    </div>
  </ThemeContext.Provider>;
}

const panels = dashboard.panels.filter((panel) => panel.type !== 'row');
Promise.all(panels.map(prepared)).then((all) => {
  const ready = new Map(all.map((each) => [each.panel.id, each]));
  createRoot(document.getElementById('root')).render(<Dashboard ready={ready} />);
}).catch((error) => { document.body.textContent = `${error.stack}`; });
