# Build: the SDK restores, builds and publishes the one executable.
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
WORKDIR /source
COPY . .
RUN dotnet restore src/ScoringEngine.Server --locked-mode \
 && dotnet publish src/ScoringEngine.Server --no-restore --configuration Release --output /app

# Run: as an unprivileged user; the workspace is mounted at /models/NAME, which names the model.
FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /models
COPY --from=build /app /app
USER $APP_UID
EXPOSE 5005
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["/app/scoring-engine", "health"]
ENTRYPOINT ["/app/scoring-engine"]
# Every address of the container; publish the port to those only who may read and write customers.
CMD ["serve", "--workspace", "/models/served", "--address", "0.0.0.0"]
