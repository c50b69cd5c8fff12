// All that the mixin makes, as files: `jsonnet -S -c -m FOLDER files.jsonnet`, and with
// `--tla-code 'config={ grafanaUrl: "https://grafana.example.net" }'` by a site's own settings.
function(config={})
  local known = (import 'config.libsonnet')._config;
  local unknown = std.setDiff(std.objectFields(config), std.objectFields(known));
  assert unknown == [] : 'there is no setting ' + unknown[0];
  local mixin = (import 'mixin.libsonnet') { _config+:: config };
  {
    'alerts.rules.yml': std.manifestYamlDoc(mixin.prometheusAlerts, quote_keys=false),
    'recording.rules.yml': std.manifestYamlDoc(mixin.prometheusRules, quote_keys=false),
  } + {
    ['dashboards/' + name]: std.manifestJsonEx(mixin.grafanaDashboards[name], ' ')
    for name in std.objectFields(mixin.grafanaDashboards)
  } + {
    ['grafana.com/' + name]: std.manifestJsonEx(mixin.sharedDashboards[name], ' ')
    for name in std.objectFields(mixin.sharedDashboards)
  }
