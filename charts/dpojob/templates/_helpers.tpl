{{- define "dpojob.name" -}}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{- end }}
{{- define "dpojob.labels" -}}
app.kubernetes.io/name: dpojob-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}
{{- define "dpojob.metadata" -}}
labels: {{- include "dpojob.labels" . | nindent 2 }}
{{- with .Values.commonAnnotations }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- define "dpojob.selector" -}}
app.kubernetes.io/name: dpojob-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}
{{- define "dpojob.image" -}}
{{- $image := .image -}}
{{ $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .chart.AppVersion }}{{ end }}
{{- end }}
