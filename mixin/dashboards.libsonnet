// The shipped dashboards with the settings of `config.libsonnet`, and as files for grafana.com.
local shipped = {
  'device.json': import '../grafana/dashboards/device.json',
  'exporter.json': import '../grafana/dashboards/exporter.json',
  'host.json': import '../grafana/dashboards/host.json',
  'lan.json': import '../grafana/dashboards/lan.json',
  'mdns.json': import '../grafana/dashboards/mdns.json',
  'sites.json': import '../grafana/dashboards/sites.json',
};

// What Grafana calls the panels that the dashboards have.
local panelNames = {
  heatmap: 'Heatmap',
  'state-timeline': 'State timeline',
  stat: 'Stat',
  table: 'Table',
  text: 'Text',
  timeseries: 'Time series',
};

// grafana.com takes a dashboard as "Export for sharing externally" writes it: whoever imports it is
// asked for the data source, and told what is missing.
local shared(dashboard) = dashboard {
  // Not a field of a literal: `__inputs` of jsonnet itself would be hidden.
  ['__inputs']: [{
    name: 'DS_PROMETHEUS',
    label: 'Prometheus',
    description: '',
    type: 'datasource',
    pluginId: 'prometheus',
    pluginName: 'Prometheus',
  }],
  ['__elements']: {},
  ['__requires']: [
    { type: 'grafana', id: 'grafana', name: 'Grafana', version: '10.4.0' },
    { type: 'datasource', id: 'prometheus', name: 'Prometheus', version: '1.0.0' },
  ] + [
    { type: 'panel', id: kind, name: panelNames[kind], version: '' }
    for kind in std.set([panel.type for panel in dashboard.panels if panel.type != 'row'])
  ],
  id: null,
  templating+: {
    list: [
      if variable.type == 'datasource' && variable.query == 'prometheus'
      then variable { current: { selected: false, text: '${DS_PROMETHEUS}', value: '${DS_PROMETHEUS}' } }
      else variable
      for variable in super.list
    ],
  },
};

{
  local config = $._config,

  grafanaDashboardFolder:: 'Multicast',

  grafanaDashboards+:: {
    [name]: shipped[name] {
      tags: std.setUnion(std.set(super.tags), std.set(config.dashboardTags)),
      refresh: config.dashboardRefresh,
      timezone: config.dashboardTimezone,
    }
    for name in std.objectFields(shipped)
  },

  sharedDashboards+:: { [name]: shared($.grafanaDashboards[name]) for name in std.objectFields($.grafanaDashboards) },
}
