"""What people write themselves: a run's metrics beside those of the model in production, with MLflow's client."""

import sys

from mlflow import MlflowClient

uri, run_id = sys.argv[1:]
client = MlflowClient(uri, uri)
candidate = client.get_run(run_id)
model = client.search_model_versions(f"run_id = '{run_id}'")[0].name
versions = client.search_model_versions(f"name = '{model}'")
production = next(v for v in versions if v.current_stage == "Production")
baseline = client.get_run(production.run_id)
for key, value in sorted(candidate.data.metrics.items()):
    print(f"{key:20} {baseline.data.metrics.get(key, float('nan')):12.6f} {value:12.6f}")
