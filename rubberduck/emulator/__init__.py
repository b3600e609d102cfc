"""Amazon Rekognition's own protocol, answered by this site's engines: any SDK works against it.

Requests and answers follow botocore's model of the service. Nothing here calls Amazon Rekognition.
May import: core, imaging, db, aws, storage, jobs, detectors, custom_models, videos, faces,
services, web.
"""
