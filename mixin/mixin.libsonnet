// A monitoring mixin: `prometheusAlerts`, `prometheusRules` and `grafanaDashboards`, with `_config`
// for what a site may change. README.md has the commands.
(import 'config.libsonnet')
+ (import 'alerts.libsonnet')
+ (import 'dashboards.libsonnet')
