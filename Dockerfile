# target-userflow as a container: slim, not root, its ledger and dead letters on a volume.
FROM python:3.13-slim AS build
RUN pip install uv
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY target_userflow target_userflow
RUN uv venv /opt/target-userflow && uv pip install --python /opt/target-userflow '.[postgres-ledger]'

FROM python:3.13-slim
COPY --from=build /opt/target-userflow /opt/target-userflow
RUN useradd --uid 10001 --create-home target && install --directory --owner target --mode 700 /data
ENV PATH=/opt/target-userflow/bin:$PATH
USER target
WORKDIR /data
VOLUME /data
ENTRYPOINT ["target-userflow"]
