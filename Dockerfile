# The main job in a container, as an ordinary user: docs/guide/safety.md says what the lock can do in one.
#
#   docker build -t reward-synth .
#   docker run --init --rm -it --user "$(id -u):$(id -g)" -v "$PWD/runs:/work/runs" -e OPENAI_API_KEY reward-synth run "GOAL"
#
# Other extras: --build-arg EXTRAS=local,view,metaworld. A torch without CUDA, which saves some GB, needs the index that
# offers it: --build-arg PIP_EXTRA_INDEX_URL=…
FROM python:3.11-slim AS wheel
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheel .

FROM python:3.11-slim
ARG EXTRAS=local,view
ARG PIP_EXTRA_INDEX_URL=
COPY requirements.lock /wheel/
COPY --from=wheel /wheel /wheel
RUN pip install --no-cache-dir --constraint /wheel/requirements.lock "$(ls /wheel/*.whl)[$EXTRAS]" \
  && useradd --create-home --uid 1000 person \
  && mkdir --parents /work/runs \
  # Whoever --user names may write here.
  && chmod 1777 /home/person /work /work/runs
ENV HOME=/home/person
USER person
WORKDIR /work
ENTRYPOINT ["reward-synth"]
CMD ["--help"]
