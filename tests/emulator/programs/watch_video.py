"""Find the labels of a video, in the way of the service's own samples for stored videos.

A topic and a queue for the notice, which is waited for; results in pages; everything deleted at the
end, also after an error.
"""

import json
import sys
import time

import boto3

BUCKET = "a-bucket"
VIDEO = "video.mp4"
ROLE_ARN = "arn:aws:iam::123456789012:role/RekognitionRole"
TOPIC_NAME = "AmazonRekognitionExample"


class VideoDetect:
    job_id = ""
    topic_arn = ""
    queue_url = ""

    def __init__(self, bucket: str, video: str, role_arn: str) -> None:
        self.bucket, self.video, self.role_arn = bucket, video, role_arn
        self.rek = boto3.client("rekognition")
        self.sqs = boto3.client("sqs")
        self.sns = boto3.client("sns")

    def create_topic_and_queue(self) -> None:
        name = f"{TOPIC_NAME}Queue{int(time.time() * 1000)}"
        self.topic_arn = self.sns.create_topic(Name=TOPIC_NAME)["TopicArn"]
        self.queue_url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        queue_arn = self.sqs.get_queue_attributes(
            QueueUrl=self.queue_url, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
        self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=queue_arn)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "MyPolicy",
                    "Effect": "Allow",
                    "Principal": {"AWS": "*"},
                    "Action": "SQS:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": self.topic_arn}},
                }
            ],
        }
        self.sqs.set_queue_attributes(
            QueueUrl=self.queue_url, Attributes={"Policy": json.dumps(policy)}
        )

    def delete_topic_and_queue(self) -> None:
        self.sqs.delete_queue(QueueUrl=self.queue_url)
        self.sns.delete_topic(TopicArn=self.topic_arn)

    def start_label_detection(self) -> None:
        response = self.rek.start_label_detection(
            Video={"S3Object": {"Bucket": self.bucket, "Name": self.video}},
            NotificationChannel={"RoleArn": self.role_arn, "SNSTopicArn": self.topic_arn},
            MinConfidence=50,
            Features=["GENERAL_LABELS"],
            JobTag="DetectionExample",
        )
        self.job_id = response["JobId"]
        print("Start Job Id: " + self.job_id, flush=True)

    def wait_for_notice(self) -> bool:
        """Return whether the job succeeded."""
        while True:
            answer = self.sqs.receive_message(
                QueueUrl=self.queue_url, WaitTimeSeconds=2, MaxNumberOfMessages=10
            )
            for message in answer.get("Messages", []):
                notification = json.loads(message["Body"])
                notice = json.loads(notification["Message"])
                self.sqs.delete_message(
                    QueueUrl=self.queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
                if notice["JobId"] == self.job_id:
                    print(f"{notice['API']} {notice['JobTag']}: {notice['Status']}")
                    print(f"Of {notice['Video']['S3Bucket']}/{notice['Video']['S3ObjectName']}")
                    return bool(notice["Status"] == "SUCCEEDED")

    def print_results(self) -> None:
        token = ""
        while True:
            response = self.rek.get_label_detection(
                JobId=self.job_id,
                MaxResults=10,
                NextToken=token,
                SortBy="TIMESTAMP",
                AggregateBy="TIMESTAMPS",
            )
            print("Codec: " + response["VideoMetadata"]["Codec"])
            print("Duration (milliseconds): " + str(response["VideoMetadata"]["DurationMillis"]))
            for detection in response["Labels"]:
                label = detection["Label"]
                print(f"Timestamp: {detection['Timestamp']}  Label: {label['Name']}")
                print(f"   Instances: {len(label['Instances'])}")
            token = response.get("NextToken", "")
            if not token:
                return


def main() -> None:
    detector = VideoDetect(BUCKET, VIDEO, ROLE_ARN)
    detector.create_topic_and_queue()
    try:
        detector.start_label_detection()
        if not detector.wait_for_notice():
            sys.exit("The video was not analysed.")
        detector.print_results()
    finally:
        detector.delete_topic_and_queue()


if __name__ == "__main__":
    main()
